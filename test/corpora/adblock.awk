# A rule is of a name where its pattern begins at a label and ends at one. The rest is other, or bad.
function is_address(n) {
  return n ~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/ || n ~ /^[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*$/
}
# Modifiers that a resolver knows; others make a rule one for browsers.
function is_known(list,   parts, count, i) {
  count = split(list, parts, ",")
  for (i = 1; i <= count; i++)
    if (parts[i] !~ /^(important$|badfilter$|dnstype=|denyallow=)/) return 0
  return 1
}
/^!/ || $0 == "" || /^\[.*\]$/ { next }
/^[^ \/|]*(##|#@#|#\?#|#\$#|#%#|\$\$)/ { other++; next }
/^#/ { next }
/^(@@)?\/.*\/(\$[^\/]*)?$/ { other++; next }
/^[0-9.:]+ / { wrong = 0; count = split($0, word, / +/); for (i = 2; i <= count; i++) take(word[i]); next }
{
  sub(/ +#.*$/, "")
  sub(/^@@/, "")
  modifiers = ""
  if (at = index($0, "$")) { modifiers = substr($0, at + 1); $0 = substr($0, 1, at - 1) }
  if (modifiers != "" && !is_known(modifiers)) { other++; next }
  start = /^\|\|/ ? 2 : /^\|/ ? 1 : 0
  end = /[\^|]$/ ? 1 : 0
  name = substr($0, start + 1)
  sub(/\^?\|?$/, "", name)
  if (is_address(name)) { take(name); next }
  if (name ~ /[\/:?^]/) { other++; next }
  below = start != 1 && sub(/^\*?\./, "", name)
  if (name ~ /\*/) { other++; next }
  if (name ~ /[ "#$%&'()+,;<=>@`{|}~]/ || name == "") { bad++; next }
  whole = start == 2 || (start == 1 && end) || (!start && !end && !below) || (below && end)
  if (!end && name ~ /[.-]$/ || !start && !end && name ~ /^-/) whole = 0
  if (!whole || name !~ /\../ || name ~ /^[0-9.]*$/) { other++; next }
  if (!is_name(name)) { bad++; next }
  if (modifiers ~ /denyallow=.*\*/) { bad++; next }
  if (modifiers ~ /badfilter/) next
  take(name)
  # Names that the rule spares are names of the list, too.
  if (match(modifiers, /denyallow=[^,]*/)) {
    count = split(substr(modifiers, RSTART + 10, RLENGTH - 10), word, "|")
    for (i = 1; i <= count; i++)
      if (substr("." word[i], length(word[i]) + 1 - length(name)) == "." name) take(word[i])
  }
}
