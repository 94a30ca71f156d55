package client

import "strconv"

// appendSet writes numbers as a set (RFC 9051, sequence-set); consecutive ones as a range.
func appendSet(out []byte, numbers []uint32) []byte {
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(numbers[i]), 10)
		if end > i {
			out = append(out, ':')
			out = strconv.AppendUint(out, uint64(numbers[end]), 10)
		}
		i = end + 1
	}
	return out
}

// Range is the set of all numbers from one to another; to is 0 for the largest in use.
func Range(from, to uint32) string {
	out := strconv.AppendUint(nil, uint64(from), 10)
	switch to {
	case from:
	case 0:
		out = append(out, ":*"...)
	default:
		out = append(out, ':')
		out = strconv.AppendUint(out, uint64(to), 10)
	}
	return string(out)
}

// Set is the set of the numbers.
func Set(numbers ...uint32) string { return string(appendSet(nil, numbers)) }

// countSet counts the numbers of a set; what is none counts nothing.
func countSet(set []byte) (count uint64) {
	var from, n uint64
	ranged := false
	for i := 0; i <= len(set); i++ {
		switch {
		case i < len(set) && set[i] >= '0' && set[i] <= '9':
			n = (n*10 + uint64(set[i]-'0')) & (1<<40 - 1)
		case i < len(set) && set[i] == ':':
			from, n, ranged = n, 0, true
		default:
			if ranged && n >= from {
				count += n - from + 1
			} else if n > 0 {
				count++
			}
			n, ranged = 0, false
		}
	}
	return count
}
