-- options: --set hiden=3
local c = config {hidden = 1}
