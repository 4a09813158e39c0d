phase("infer")
