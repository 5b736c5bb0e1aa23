/^[#!]/ || $0 == "" { next }
{
  sub(/ *#.*/, "")
  sub(/^\*\./, "")
  if (is_name($0)) take($0)
  else if (!(tolower($0) in machine)) bad++
}
