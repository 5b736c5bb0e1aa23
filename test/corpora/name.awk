# What all counts share. Each file below is run behind this one, and counts for itself what
# src/rules reads: names (repeated ones again), different names, bad lines, lines that are not
# applicable.
BEGIN {
  split("localhost localhost.localdomain local broadcasthost 0.0.0.0 ip6-localhost ip6-loopback " \
    "ip6-localnet ip6-mcastprefix ip6-allnodes ip6-allrouters ip6-allhosts", words, " ")
  for (i in words) machine[words[i]] = 1
}
NR == 1 { sub(/^\357\273\277/, "") }
{ gsub(/[\r\t]/, " "); gsub(/^ +| +$/, "") }

# Whether n is a name of at least two labels, in ASCII or not.
function is_name(n,   labels, count, i) {
  sub(/\.$/, "", n)
  if (n ~ /^[0-9.]*$/ || length(n) > 253) return 0
  count = split(n, labels, ".")
  for (i = 1; i <= count; i++)
    if (labels[i] == "" || length(labels[i]) > 63 || labels[i] ~ /[^A-Za-z0-9_\200-\377-]/) return 0
  return count > 1
}
function take(n) { names++; sub(/\.$/, "", n); n = tolower(n); if (!(n in seen)) { seen[n]; unlike++ } }
END { print names + 0, unlike + 0, bad + 0, other + 0 }
