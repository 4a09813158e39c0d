phase("update", {policy = "fixed", momentum_schedule = {policy = "cosine", warmup = 2, ratio = 0}, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
