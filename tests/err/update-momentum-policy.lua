phase("update", {policy = "fixed", momentum_schedule = {policy = "step", every = 2}, groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
