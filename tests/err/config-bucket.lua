local c = config {buckets = {64, 64}}
