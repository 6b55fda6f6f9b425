#!/usr/bin/perl

# Keys are in no log: not in the error log, not in nginx-rtmp's access log,
# not with what exec and push are told, wherever the encoder puts them.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use File::Find ();

use Onair::Accounts;
use Onair::AMF;
use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $media = Onair::FLV::make(seconds => 2);


# Files below a directory that have one of these strings.
sub holding
{
    my ($dir, @secrets) = @_;
    my %found;

    File::Find::find(sub {
        return if !-f $_;
        open my $file, '<', $_ or return;
        my $text = do { local $/; <$file> } // '';
        for my $secret (@secrets) {
            my $escaped = $secret =~ s/(.)/sprintf '%%%02x', ord $1/ger;
            $found{$File::Find::name} = 1
                if index($text, $secret) >= 0 || index($text, $escaped) >= 0;
        }
    }, $dir);

    return sort keys %found;
}


# A whole URL with the key in the wrong places.
sub misplaced
{
    my ($server, $key, $command) = @_;
    my $p = Onair::RTMP->new($server->rtmp_port);

    $p->handshake;

    if ($command eq 'connect') {
        $p->command('connect', [ app => "live/$key", type => 'nonprivate',
            flashVer => 'FMLE/3.0', swfUrl => "rtmp://127.0.0.1/live/$key",
            pageUrl => "live_1_ab$key", tcUrl => "rtmp://127.0.0.1/live/$key" ]);

    } else {
        $p->connect;
        $p->create_stream;
        $p->command($command, undef, Onair::AMF::string($key), -2);
    }

    $p->wait_closed(1);
    $p->close;
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my $key = $accounts->add_user('studio');
    my $wrong = $accounts->unknown;
    my $server = Onair::Server->start($accounts->configuration(
        workers => 1,
        rtmp => 'access_log %dir%/logs/rtmp.log; exec_options on;
            log_format all "$name $args $app $tcurl $pageurl $swfurl";',
        app => 'access_log %dir%/logs/rtmp_all.log all;
            record all; record_path %dir%/tmp; record_unique on;
            exec_publish sh -c "echo $name $args > %dir%/tmp/exec";'));

    my $p = Onair::RTMP->publish($server->rtmp_port,
                                 "$key?key2=$wrong&backup=0");
    $p = Onair::RTMP->publish($server->rtmp_port, $key) if !$p->accepted;
    ok $p->accepted, 'the right key' or diag explain $p->status;
    $p->send_flv($media);
    ok(Onair::Viewer->new($server, 'studio')->wait_live('video'), 'is live');
    $p->unpublish($key);
    $p->close;

    Onair::RTMP->publish($server->rtmp_port, $_)->close
        for $wrong, "$wrong?x=$wrong", "studio?key=$wrong", $key x 5;
    misplaced($server, $key, $_) for qw(connect play play2);

    ok wait_for { $server->error_log =~ /connect: app='live\/live_\d+_x{32}'/ },
        'one in the address is made unreadable';
    ok wait_for { -s $server->dir . '/logs/rtmp_all.log' },
        'there is an access log';
    ok wait_for { -s $server->dir . '/tmp/exec' }, 'exec was told';
    like $server->error_log, qr/admitted/, 'and there is an error log';

    $server->stop;
    is_deeply [holding($server->dir, $accounts->secrets)], [],
        'no file of the server has a key';
});

done_testing;
