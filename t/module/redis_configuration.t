#!/usr/bin/perl

# What onair_redis and onair_node refuse.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use Test::More;

use Onair::Server;

my $dir = File::Temp->newdir;
my %secret = (empty => "\n", good => "secret\n", long => 'x' x 2000);

for my $name (keys %secret) {
    open my $out, '>', "$dir/$name" or die "$dir/$name: $!";
    print $out $secret{$name};
    close $out;
    chmod 0600, "$dir/$name";
}

for my $case (
    ['onair_redis db=1;', qr/has no address/],
    ['onair_redis a:0;', qr/"a:0" is no address/],
    ['onair_redis a:65536;', qr/is no address/],
    ['onair_redis a:1x;', qr/is no address/],
    ['onair_redis [::1;', qr/is no address/],
    ['onair_redis [::1]1;', qr/is no address/],
    ['onair_redis :1;', qr/is no address/],
    ['onair_redis unix:/' . 'x' x 120 . ';', qr/is no address/],
    ['onair_redis ' . 'a' x 300 . ';', qr/is no address/],
    ['onair_redis a colour=red;', qr/neither an address .* nor a param/],
    ['onair_redis a password=geheim;', qr/comes with "password_file=" in/],
    ['onair_redis redis://:geheim@a:1;', qr/comes with "password_file=" in/],
    ['onair_redis a db=-1;', qr/invalid value in "db=-1"/],
    ['onair_redis a timeout=never;', qr/invalid value in "timeout=never"/],
    ['onair_redis a timeout=1ms;', qr/invalid value/],
    ['onair_redis a connect_timeout=2h;', qr/invalid value/],
    ['onair_redis a max_pending=0;', qr/invalid value/],
    ['onair_redis a sentinel=;', qr/invalid value/],
    ['onair_redis a user=bert;', qr/a user but no password_file/],
    ["onair_redis a password_file=$dir/none;", qr/none" failed \(2:/],
    ["onair_redis a password_file=$dir/empty;", qr/there is no password in/],
    ["onair_redis a password_file=$dir/long;", qr/there is no password in/],
    ['onair_redis a tls_ca=/x;', qr/a tls_ca but no tls/],
    ['onair_redis unix:/s tls;', qr/cannot have "tls" with a unix socket/],
    ['onair_redis a tls tls_ca=/none;', qr/no TLS: let stunnel|no certificates/],
    ['onair_redis a; onair_redis b;', qr/duplicate/],
    ['onair_redis ' . 'a ' x 33 . ';', qr/too many addresses/],
    ['onair_node a/b;', qr/may have letters, digits/],
    ['onair_node ' . 'a' x 65 . ';', qr/1 to 64 characters/],
    ['onair_node a; onair_node b;', qr/duplicate/],
) {
    my ($text, $why) = @$case;
    my ($ok, $said) = Onair::Server->check(main => $text);

    ok !$ok, substr($text, 0, 60) . ' is refused';
    like $said, $why, 'and it says why';
}

chmod 0644, "$dir/good";

for my $text ('onair_redis a;', 'onair_redis [::1]:1 [::1] 127.0.0.1:2;',
              "onair_redis a user=u password_file=$dir/good;",
              'onair_redis a b c sentinel=live db=2;')
{
    my ($ok, $said) = Onair::Server->check(main => $text);

    ok $ok, "$text is accepted" or diag $said;
    like $said, qr/every user of this machine may read the password/,
        'a password that everybody may read is warned of'
        if $text =~ /password/;
}

done_testing;
