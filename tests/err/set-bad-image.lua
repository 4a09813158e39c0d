-- options: --set image=64
local c = config {buckets = {{64, 64}}}
