phase("update", {policy = "fixed", loss_scale = -8, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
