package pgwatch

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// closeLimit is how long the goodbye to a server may take, which may be gone.
const closeLimit = 100 * time.Millisecond

// A line is a connection that hears of changes.
type line struct {
	conn    *pgconn.PgConn
	channel string // once it listens
	hangUp  context.CancelFunc
}

// dial connects. What is heard goes to heed, during calls of the connection.
func (s *Store) dial(ctx context.Context, heed func(payload string)) (*line, error) {
	config := s.config.Copy()
	if s.before != nil {
		if err := s.before(ctx, config); err != nil {
			return nil, err
		}
	}
	alive, hangUp := context.WithCancel(context.Background())
	config.DialFunc = until(alive, config.DialFunc)
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { heed(n.Payload) }
	// A pool's config may ask the server to cancel what a done ctx has interrupted.
	// Here that is the waiting, and the request might hit what comes next.
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "kms pgwatch"
	}
	conn, err := pgconn.ConnectConfig(ctx, &config.Config)
	if err != nil {
		hangUp()
		return nil, err
	}
	return &line{conn: conn, hangUp: hangUp}, nil
}

// until lets dial and its connections live no longer than alive. The driver would
// go on for 15 seconds, in the background, saying goodbye to a server that does
// not answer.
func until(alive context.Context, dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(alive, cancel)()
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(alive, func() { conn.Close() })
		return conn, nil
	}
}

// listen begins to hear of the table's changes: of all that are committed after
// it has returned.
func (l *line) listen(ctx context.Context, table string) error {
	channel, err := l.look(ctx, table)
	if err != nil {
		return err
	}
	if _, err := l.conn.Exec(ctx, "LISTEN "+channel).ReadAll(); err != nil {
		return err
	}
	l.channel = channel
	return nil
}

// intact reports whether the server answers, and changes of the table are still
// told on this line.
func (l *line) intact(ctx context.Context, table string) bool {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	channel, err := l.look(ctx, table)
	return err == nil && channel == l.channel
}

// close ends the connection and whatever the driver does for it.
func (l *line) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	l.conn.Close(ctx)
	l.hangUp()
	<-l.conn.CleanupDone()
}
