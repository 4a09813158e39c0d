for k in pairs({[1.5] = 1}) do end
