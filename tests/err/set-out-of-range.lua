-- options: --set batch=0
local c = config {batch = 1}
