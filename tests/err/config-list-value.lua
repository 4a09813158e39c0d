local c = config {width = {64, "x"}}
