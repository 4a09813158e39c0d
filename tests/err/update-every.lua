phase("update", {policy = "step", every = 2.5, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
