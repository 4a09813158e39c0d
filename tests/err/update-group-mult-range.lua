phase("update", {policy = "fixed", decay = 0.1, groups = {{pattern = "*", rule = "sgd", lr = 0.1, decay_mult = 20}}})
