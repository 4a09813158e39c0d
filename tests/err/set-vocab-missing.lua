-- options: --set vocab=none/here.txt
local c = config {vocab = 1}
