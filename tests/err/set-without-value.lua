-- options: --set batch
local c = config {batch = 1}
