phase("update", {policy = "fixed", by_epoch = 1, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
