local nn = use "twice_"
