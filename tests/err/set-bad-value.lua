-- options: --set batch=many
local c = config {batch = 1}
