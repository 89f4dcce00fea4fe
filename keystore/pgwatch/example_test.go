package pgwatch_test

import (
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/embedkms/kms/keystore/pgwatch"
	"github.com/embedkms/kms/keystore/sqlstore"
)

// A migration has created the table and its triggers; here they are printed. The
// pool is made of the same config that watches connect by, and the store is given
// to kms.Open like any other.
func ExampleNew() {
	fmt.Println(sqlstore.DDL(sqlstore.PostgreSQL) + ";\n" + pgwatch.DDL())
	config, err := pgx.ParseConfig("postgres://orders@db.internal/orders?target_session_attrs=read-write")
	if err != nil {
		log.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	store, err := pgwatch.New(db, config, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}
