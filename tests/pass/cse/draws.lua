-- Numbers drawn at one site are the same; those of two sites are not.
config {batch = 1, sentences = 3, answers = 5}
phase("infer", function(door)
  local function drop(site)
    return op.dropout {door.answers, p = 0.5, site = site}
  end
  return {y = drop("a") + drop("a"), z = drop("a") + drop("b")}
end)
