phase("update", {policy = "fixed", groups = {{pattern = "*", lr = 0.1}}})
