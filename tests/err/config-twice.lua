local c = config {a = 1}
local d = config {a = 1}
