package Onair::Turn;

# An nginx that asks who may publish, among others that share a Redis and a
# database; and publishers of it.
#
#   my $accounts = Onair::Ctl->sqlite;   my $key = $accounts->user('studio');
#   my $node = Onair::Turn->node($accounts,
#       name => 'a', redis => $redis, workers => 2, takeover => 1,
#       app => 'ingest_grace 1m;', rtmp => '', main => '',
#       database => 'timeout=1s', redis_timeout => '500ms');
#
#   $node is an Onair::Server; publishers may be live without media for long
#
#   publish($node, $key)                     an Onair::RTMP, answered
#   publish($node, "$key?backup=1", worker => $pid)      on that worker
#   my $p = ready($node);  ask($p, $key);    the same in two steps, without
#   $p->wait_status                          waiting for the answer
#   live($node, $key)                        one that is accepted, or undef
#                                            after a while
#   ended($publisher)                        what it was told last, when the
#                                            server has closed; or undef

use strict;
use warnings;

use Exporter qw(import);

use Onair::AMF;
use Onair::RTMP;
use Onair::Server;

our @EXPORT = qw(publish ready ask live ended);


sub node
{
    my ($class, $accounts, %option) = @_;

    my $redis = $option{redis};
    my $name = $option{name} // 'a';
    my $main = "onair_node $name;\n"
        . 'onair_database "' . $accounts->url . '" '
        . ($option{database} // '') . ";\n";

    # patient with a Redis that a busy machine keeps from answering
    $main .= 'onair_redis ' . $redis->address . ' timeout='
        . ($option{redis_timeout} // '2s') . ";\n" if $redis;

    return Onair::Server->start(
        workers => $option{workers} // 1,
        main => $main . ($option{main} // ''),
        rtmp => 'publish_auth_pepper ' . $accounts->pepper . ";\n"
            . "ingest_setup_timeout 0;\n" . ($option{rtmp} // ''),
        rtmp_app => 'publish_auth database;'
            . ($option{takeover} ? 'publish_auth_already_live takeover;' : '')
            . ($option{app} // ''));
}


# Or one that was killed and is going.
sub _stopped
{
    my ($pid) = @_;

    open my $file, '<', "/proc/$pid/stat" or return 1;
    my $line = <$file> // return 1;

    return $line =~ /\) [TXZ] /;
}


# Up to what comes before publish.  With a worker the others cannot accept.
sub ready
{
    my ($node, %option) = @_;

    my $worker = delete $option{worker};
    my @others = $worker ? grep({ $_ != $worker } $node->worker_pids) : ();

    kill 'STOP', @others;
    wait_for { !grep { !_stopped($_) } @others };

    my $p = eval {
        my $new = Onair::RTMP->new($node->rtmp_port, %option);
        $new->handshake;
        $new;
    };

    kill 'CONT', @others;
    die $@ if !$p;

    $p->set_chunk_size(4096);
    $p->connect;
    $p->create_stream;

    return $p;
}


sub ask
{
    my ($p, $key) = @_;

    $p->message(Onair::RTMP::COMMAND, 0,
        Onair::AMF::encode('publish', ++$p->{transaction}, undef,
            Onair::AMF::string($key), 'live'), msid => 1, csid => 8);
}


sub publish
{
    my ($node, $key, %option) = @_;

    my $p = ready($node, %option);
    $p->publish_name($key);

    return $p;
}


sub live
{
    my ($node, $key, %option) = @_;

    return wait_for {
        my $p = eval { publish($node, $key, %option) };
        $p && $p->accepted && $p;
    };
}


sub ended
{
    my ($p, $timeout) = @_;

    my ($status, $last);

    $last = $status while $status = $p->wait_status;

    return $last;
}


1;
