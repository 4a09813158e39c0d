phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "adamw", lr = 0.1, beta1 = 1}}})
