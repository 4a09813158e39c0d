-- options: --set answers=none.txt
local c = config {answers = 1}
