local c = config {hidden = function() return 768 end}
