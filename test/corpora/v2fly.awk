/^#/ || $0 == "" { next }
{
  sub(/ *#.*/, "")
  sub(/ [@&].*/, "")
  if ($0 ~ /^(include|regexp|keyword):/) { other++; next }
  sub(/^(full|domain):/, "")
  if (is_name($0)) take($0)
  else bad++
}
