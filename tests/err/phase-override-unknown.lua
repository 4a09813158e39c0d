local c = config {batch = 2}
phase("infer", {bach = 1}, function(door) end)
