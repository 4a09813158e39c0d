phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "adam", lr = 1}}})
