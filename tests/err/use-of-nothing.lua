use "nothing"
