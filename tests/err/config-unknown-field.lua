local c = config {hidden = 1}
local x = c.hiden
