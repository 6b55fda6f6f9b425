package Onair::Browser;

# The page in headless Chromium.
#
#   Onair::Browser::server(%options)   an Onair::Server with the page and
#                                      hls.js on it
#   my $b = Onair::Browser->start(width => 1280, height => 720,
#                                 scheme => 'dark', touch => 0);
#   $b->open($server->url('/#name'))
#   $b->eval('document.title')         of JavaScript; returns Perl data
#   $b->wait('expression', $seconds)   true when it became true in time (120)
#   $b->wait_state('playing')          of the player
#   $b->report                         the player's own report, and from outside
#                                      it { waits } and { states }: driver.mjs
#   my ($before, $after) = $b->smooth(3, sub { my $before = shift; … })
#                                      the reports round the code, run again
#                                      at most so often while there are stalls,
#                                      the picture is two seconds old, or a
#                                      quarter of the frames is dropped
#   $b->slow                           requests of over a second, in words
#   $b->press('m'), click('#mute'), shot('/tmp/x.png'), size(375, 740)
#   $b->problems                       exceptions and errors on the console
#
# Where Chromium, node or the npm modules are missing, the test fails; with
# ONAIR_SKIP_BROWSER=1 it is skipped.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use IPC::Open2;
use JSON::PP;
use POSIX ();
use Test::More ();

use Onair::Server;

my $top = abs_path(dirname(__FILE__) . '/../../..');
my $json = JSON::PP->new->allow_nonref;
my %running;


sub server
{
    my %option = @_;

    _need();

    my $hls = _modules() . '/hls.js/dist/hls.min.js';
    my $server = Onair::Server->start(%option);
    my $html = $server->dir . '/html';

    # as tools/run does it
    system('cp', $hls, "$html/hls.min.js") == 0 or die "$hls: not copied";
    CORE::open(my $file, '>', "$html/page.json") or die "page.json: $!";
    printf $file qq({"rtmp_port":%d}\n), $server->rtmp_port;
    close $file;

    return $server;
}


sub start
{
    my ($class, %option) = @_;

    _need();

    my $home = File::Temp->newdir('onair-browser-XXXXXX', TMPDIR => 1);
    my $options = $json->encode({
        width => 1280, height => 720, scheme => 'dark',
        touch => JSON::PP::false, executable => _chromium(), home => "$home",
        %option });
    my $self = bless { home => $home }, $class;

    $self->{pid} = open2($self->{out}, $self->{in}, 'setpriv', '--pdeathsig',
                         'TERM', 'node', "$top/t/lib/browser/driver.mjs",
                         _modules(), $options);
    $running{$self->{pid}} = 1;
    binmode $_, ':utf8' for $self->{in}, $self->{out};

    return $self;
}


sub open     { $_[0]->_do('open', $_[1]) }
sub eval     { $_[0]->_do('eval', $_[1]) }
sub press    { $_[0]->_do('press', $_[1]) }
sub click    { $_[0]->_do('click', $_[1]) }
sub shot     { $_[0]->_do('shot', $_[1], $_[2] ? \1 : \0) }
sub size     { $_[0]->_do('size', $_[1], $_[2]) }
sub problems { @{ $_[0]->_do('problems') } }
sub report   { $_[0]->eval('({ ...onair.player.report(), ...window.seen })') }


sub smooth
{
    my ($self, $tries, $code) = @_;
    my ($before, $after);

    for my $try (1 .. $tries) {
        $before = $self->report;
        $code->($before);
        $after = $self->report;

        last if _is_smooth($before, $after);
        Test::More::diag(
            sprintf('try %d: %d stalls, picture %.2f s old, %d of %d frames '
                    . 'dropped; requests of over a second:', $try,
                    @{$after->{waits}} - @{$before->{waits}}, $after->{age},
                    map { $after->{$_} - $before->{$_} } qw(dropped frames)),
            map { "\n  $_" } $self->slow);
    }

    return ($before, $after);
}


sub _is_smooth
{
    my ($before, $after) = @_;

    return @{$after->{waits}} == @{$before->{waits}}
        && $after->{age} < 2
        && $after->{dropped} - $before->{dropped}
           <= ($after->{frames} - $before->{frames}) / 4;
}


sub slow
{
    my ($self) = @_;

    my $list = $self->eval(<<'END');
performance.getEntriesByType('resource')
    .filter(r => r.duration > 1000)
    .map(r => `${r.name}: ${Math.round(r.duration)} ms from `
              + `${Math.round(r.startTime)}, ${r.responseStatus}`)
END

    return @$list;
}


sub wait
{
    my ($self, $code, $seconds) = @_;

    return $self->_do('wait', $code, 1000 * ($seconds // 120)) ? 1 : 0;
}


sub wait_state
{
    my ($self, $state, $seconds) = @_;

    my $there = $self->wait("document.getElementById('player')"
                            . ".dataset.state === '$state'", $seconds);

    Test::More::diag("not $state, but: " . $json->encode($self->report))
        if !$there;

    return $there;
}


sub stop
{
    my ($self) = @_;

    return if !delete $running{$self->{pid}};

    CORE::eval { $self->_do('quit') };
    close $self->{in};
    close $self->{out};
    waitpid $self->{pid}, 0;
}


sub DESTROY
{
    my ($self) = @_;

    local ($@, $?);
    $self->stop;
}


sub _do
{
    my ($self, @command) = @_;

    local $SIG{PIPE} = 'IGNORE';
    print { $self->{in} } $json->encode(\@command), "\n";
    $self->{in}->flush;

    my $line = readline $self->{out};
    die "the browser has gone (at $command[0])\n" if !defined $line;

    my $answer = $json->decode($line);
    die "$command[0]: $answer->{error}\n" if defined $answer->{error};

    return $answer->{value};
}


sub _modules
{
    return $ENV{ONAIR_NPM} // "$top/build/npm/node_modules";
}


sub _chromium
{
    for my $dir (split /:/, $ENV{PATH}) {
        return "$dir/chromium" if -x "$dir/chromium";
    }

    return;
}


sub _need
{
    my @missing;

    push @missing, 'chromium' if !_chromium();
    push @missing, 'node' if !grep { -x "$_/node" } split /:/, $ENV{PATH};
    push @missing, map { "the npm module $_" }
        grep { !-d _modules() . "/$_" } qw(hls.js playwright-core);

    return if !@missing;

    my $text = 'missing: ' . join ', ', @missing;

    Test::More::plan(skip_all => $text) if $ENV{ONAIR_SKIP_BROWSER};
    die "$text (tools/test fetches all; ONAIR_SKIP_BROWSER=1 does without)\n";
}


END {
    my $status = $?;
    CORE::kill 'TERM', $_ for keys %running;
    $? = $status;
}


1;
