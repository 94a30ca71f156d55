package real

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

const (
	webUser = "www-data"
	// where Debian's package has its pages and its tables
	roundcubeRoot   = "/var/lib/roundcube/public_html"
	roundcubeTables = "/usr/share/roundcube/SQL/sqlite.initial.sql"
	roundcubeConfig = "/etc/roundcube"
)

// phpFPM returns the path of PHP's process manager of the newest version installed; "" if there is none.
func phpFPM() string {
	if found := matching("/usr/sbin/php-fpm[0-9]*"); len(found) > 0 {
		return found[0]
	}
	return ""
}

// makeTables makes Roundcube's database where there is none. With a write-ahead log, readers do not wait for a writer.
const makeTables = `if (file_exists($argv[1])) exit(0);
$db = new PDO("sqlite:" . $argv[1], null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$db->exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
$db->exec(file_get_contents($argv[2]));`

// writeRoundcube writes the configuration that the instances share, their process managers', and the database.
func writeRoundcube(dir string, o Options, s settings) error {
	base := filepath.Join(dir, "roundcube")
	for _, d := range []struct{ name, owner string }{{"", ""}, {"conf", ""}, {"db", webUser}, {"tmp", webUser}, {"log", webUser}} {
		if err := makeDir(filepath.Join(base, d.name), 0o755, d.owner); err != nil {
			return err
		}
	}
	for _, name := range []string{"defaults.inc.php", "mimetypes.php"} {
		link := filepath.Join(base, "conf", name)
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("replacing a link: %w", err)
		}
		if err := os.Symlink(filepath.Join(roundcubeConfig, name), link); err != nil {
			return fmt.Errorf("linking Roundcube's defaults: %w", err)
		}
	}
	s.SessionKey, s.Extra = rand.Text()[:24], o.Tweaks.RoundcubeExtra
	if err := writeTemplate("roundcube.php.tmpl", filepath.Join(base, "conf", "config.inc.php"), s, 0o600, webUser); err != nil {
		return err
	}
	s.Extra = ""
	for _, i := range s.Web {
		if err := makeDir(filepath.Join(dir, i.Name), 0o755, ""); err != nil {
			return err
		}
		s.Instance = i
		if err := writeTemplate("php-fpm.conf.tmpl", filepath.Join(dir, i.Name, "php-fpm.conf"), s, 0o644, ""); err != nil {
			return err
		}
	}
	database := filepath.Join(base, "db", "roundcube.db")
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := check(ctx, find("php"), "-r", makeTables, database, roundcubeTables); err != nil {
		return fmt.Errorf("making Roundcube's database: %w", err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if _, err := os.Stat(database + suffix); err != nil {
			continue // the last two are gone where nobody has it open
		}
		if err := own(database+suffix, 0o640, webUser); err != nil {
			return err
		}
	}
	return nil
}
