local a = param("w", {2}, init.one)
