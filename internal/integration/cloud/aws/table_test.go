package aws_test

import (
	"maps"
)

// operations are all, by name.
var operations = func() map[string]operation {
	all := map[string]operation{}
	for _, some := range []map[string]operation{dataOperations, dataKeyOperations, signingOperations, keyOperations, aliasOperations, rotationOperations, importOperations, tagOperations} {
		maps.Copy(all, some)
	}
	return all
}()
