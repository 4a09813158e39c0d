phase("update", {policy = "fixed", momentum_schedule = {policy = "cosine", min_lr = 0.1}, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
