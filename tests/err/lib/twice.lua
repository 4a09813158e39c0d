-- twice(x): a library with a mistake
return function(x)
  local w = param("w", {4}, init.one)
  return x + w
end
