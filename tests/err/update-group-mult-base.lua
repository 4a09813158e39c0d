phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "sgd", lr_mult = 2}}})
