phase("update", {policy = "fixed", loss_scale = 8, scale_window = 100, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
