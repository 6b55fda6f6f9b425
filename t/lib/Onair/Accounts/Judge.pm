package Onair::Accounts::Judge;

# A callback whose answers a test gives by itself, when it likes.
#
#   my $judge = Onair::Accounts::Judge->new;     $judge->url
#   my $question = $judge->question;     the next one; dies when none comes
#     $question->{text}                  the whole request
#   $judge->answer($question, '200 OK', 'Location: studio', …)

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;


sub new
{
    my ($class) = @_;

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128)
        or die "listen: $!";

    return bless { socket => $socket }, $class;
}


sub url { 'http://127.0.0.1:' . $_[0]{socket}->sockport . '/on_publish' }


sub question
{
    my ($self) = @_;

    IO::Select->new($self->{socket})->can_read(20) or die "nobody asks\n";
    my $question = { socket => scalar $self->{socket}->accept, text => '' };

    while ($question->{text} !~ /\r\n\r\n.*&type=/s) {
        sysread $question->{socket}, $question->{text}, 65536,
            length $question->{text} or die "half a question\n";
    }

    return $question;
}


sub answer
{
    my ($self, $question, $status, @headers) = @_;

    local $SIG{PIPE} = 'IGNORE';

    print { $question->{socket} } join "\r\n", "HTTP/1.1 $status", @headers,
        '', '';
    close $question->{socket};
}


1;
