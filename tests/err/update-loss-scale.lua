phase("update", {policy = "fixed", loss_scale = "dynamics", groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
