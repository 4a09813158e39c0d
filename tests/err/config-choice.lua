local c = config({compat = "upsteam"}, {compat = "upstream|fixed"})
