phase("update", {policy = "fixed", warmup = "long", groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
