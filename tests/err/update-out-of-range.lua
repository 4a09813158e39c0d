phase("update", {policy = "fixed", clip = -4, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
