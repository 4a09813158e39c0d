phase("update", {policy = "fixed", warmup_shape = "line", groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
