hidden = 768
