local c = config {width = {}}
