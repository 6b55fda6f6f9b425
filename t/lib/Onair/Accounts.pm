package Onair::Accounts;

# Who may publish, as each source of truth has it, behind one interface.
#
#   Onair::Accounts->each(sub { my ($accounts) = @_; … });
#       a subtest for each kind: sqlite; postgresql, with a Redis; callback, an
#       HTTP server in Perl.  $ONAIR_ACCOUNTS names fewer
#
#   my $accounts = Onair::Accounts->start($kind);
#   my $server = Onair::Server->start($accounts->configuration,
#                                     workers => 2, …);
#       configuration(app => 'publish_auth_cache 1s;', rtmp => '', main => '')
#
#   my $key = $accounts->add_user('studio');     a channel of that name too
#   $accounts->ban('studio');       unban, disallow, allow, stop_channel
#   $key = $accounts->rotate('studio');          the old key is void
#   $accounts->unknown              a key that is well-formed, of nobody
#   $accounts->pause, resume        the source, or what comes next to it
#   $accounts->questions            of the callback: hashes of its fields
#   $accounts->secrets              every key that there ever was
#   $accounts->stop                 also done when the program ends

use strict;
use warnings;

use Test::More ();

use Onair::Ctl;
use Onair::Redis;
use Onair::Accounts::Callback;


sub kinds
{
    my @kinds = qw(sqlite postgresql callback);

    return $ENV{ONAIR_ACCOUNTS} ? split(/,/, $ENV{ONAIR_ACCOUNTS}) : @kinds;
}


sub each
{
    my ($class, $test) = @_;

    for my $kind ($class->kinds) {
        Test::More::subtest($kind, sub { $test->($class->start($kind)) });
    }
}


sub start
{
    my ($class, $kind) = @_;

    my $self = bless { kind => $kind, secrets => [] }, $class;

    if ($kind eq 'callback') {
        $self->{callback} = Onair::Accounts::Callback->start;

    } else {
        $self->{ctl} = Onair::Ctl->$kind;
        $self->{redis} = Onair::Redis->start if $kind eq 'postgresql';
    }

    return $self;
}


sub kind  { $_[0]{kind} }
sub redis { $_[0]{redis} }
sub ctl   { $_[0]{ctl} }


sub configuration
{
    my ($self, %more) = @_;

    my $app = delete $more{app} // '';
    my $rtmp = delete $more{rtmp} // '';
    my $main = delete $more{main} // '';
    my $source = 'database';
    my $redis_timeout = delete $more{redis_timeout} // '2s';

    # patient with what a busy machine keeps from answering
    $app = "publish_auth_timeout 10s; $app" if $app !~ /_timeout/;

    if ($self->{callback}) {
        $source = $self->{callback}->url;
        $app = "publish_auth_recheck 300ms; $app" if $app !~ /_recheck/;

    } else {
        my $arguments = delete $more{database} // 'timeout=10s';

        $main .= 'onair_database "' . $self->{ctl}->url . "\" $arguments;\n";
        $rtmp .= 'publish_auth_pepper ' . $self->{ctl}->pepper . ";\n";
    }

    $main .= 'onair_redis ' . $self->{redis}->address
        . " timeout=$redis_timeout;\n" if $self->{redis};

    return (main => $main, rtmp => $rtmp,
            rtmp_app => "publish_auth $source; $app", %more);
}


sub add_user
{
    my ($self, $name) = @_;

    return $self->_secret($self->{callback}
        ? $self->{callback}->set($name, key => _random_key())
        : $self->{ctl}->user($name));
}


sub rotate
{
    my ($self, $name) = @_;

    return $self->_secret($self->{callback}
        ? $self->{callback}->set($name, key => _random_key())
        : $self->{ctl}->json('key', 'rotate', $name)->{key});
}


sub _secret
{
    my ($self, $key) = @_;

    push @{ $self->{secrets} }, $key;

    return $key;
}


sub secrets { return @{ $_[0]{secrets} } }


sub ban      { $_[0]->_user($_[1], 'ban', banned => 1) }
sub unban    { $_[0]->_user($_[1], 'unban', banned => 0) }
sub disallow { $_[0]->_user($_[1], 'disallow', disallowed => 1) }
sub allow    { $_[0]->_user($_[1], 'allow', disallowed => 0) }


sub _user
{
    my ($self, $name, $command, @value) = @_;

    return $self->{callback}->set($name, @value) if $self->{callback};
    return $self->{ctl}->json('user', $command, $name);
}


sub stop_channel
{
    my ($self, $name) = @_;

    return $self->{callback}->set($name, stop => 1) if $self->{callback};
    return $self->{ctl}->json('channel', 'stop', $name);
}


sub unknown
{
    my ($self) = @_;

    return $self->_secret(_random_key());
}


sub _random_key
{
    return 'live_' . (1 + int rand 9) . '_'
        . join '', map { ('a' .. 'z', 2 .. 7)[rand 32] } 1 .. 32;
}


# A file that is locked is all that can be stopped of SQLite.
sub pause
{
    my ($self) = @_;

    return $self->{callback}->pause if $self->{callback};
    return $self->{ctl}->server->pause if $self->{kind} eq 'postgresql';
    die "SQLite has no server to stop\n";
}


sub resume
{
    my ($self) = @_;

    return $self->{callback}->resume if $self->{callback};
    return $self->{ctl}->server->resume;
}


sub can_pause { $_[0]{kind} ne 'sqlite' }


sub questions { return $_[0]{callback} ? $_[0]{callback}->questions : () }


1;
