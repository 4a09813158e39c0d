phase("update", {policy = "fixed", momentum_schedule = 1, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
