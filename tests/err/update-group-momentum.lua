phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "adamw", lr = 1, momentum = 0.9}}})
