local c = config {hidden = 1}
c.hidden = 2
